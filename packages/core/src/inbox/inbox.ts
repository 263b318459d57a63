export { inboxFaults, inboxRoutes, inboxSocketOf, type InboxStatus, inboxStatusSchema } from './inbox-contract.ts';
export { createInboxClient, type InboxClient, InboxError, type InboxErrorCode } from './inbox-client.ts';
