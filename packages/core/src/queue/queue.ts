export { jobPayloadSchema, jobResultSchema, lanes } from './payload.ts';
export type { ImageSource, JobPayload, JobResult, Lane } from './payload.ts';
export { toDurablePayload, toImageSource } from './durable-payload.ts';
export type { HandlerAnswer, Outcome } from './outcome.ts';
export { createJobQueue } from './job-queue.ts';
export type {
  EnqueueOptions,
  EphemeralState,
  JobQueue,
  JobQueueOptions,
  LaneDepth,
  QueueEntry,
  SendOptions,
  SentJob,
} from './job-queue.ts';
export { laneStates } from './queue-stats.ts';
export type { LaneState, LaneStats, QueueStats } from './queue-stats.ts';
export { createJobSender } from './job-sender.ts';
export type { JobSender, JobSenderOptions } from './job-sender.ts';
export { takesFrom } from './worker-report.ts';
export type { WorkerReport } from './worker-report.ts';
export { createJobAwaiter } from './job-awaiter.ts';
export type { AwaitedJob, JobAwaiter, JobAwaiterOptions } from './job-awaiter.ts';
export { createJobNotices } from './job-notices.ts';
export type { JobNotices, JobNoticesOptions, NoticeListener } from './job-notices.ts';
export { LanePolicy } from './lane-policy.ts';
export { createLaneConsumer } from './lane-consumer.ts';
export type { LaneConsumer, LaneConsumerOptions, LaneEvent } from './lane-consumer.ts';
export type { AbortReason, ClaimedJob } from './held-job.ts';
