export { blobSettings, type BlobSettings } from './config/blob-settings.ts';
export type { BucketUrl } from './config/bucket-url.ts';
export { databaseUrlOf } from './config/database-url.ts';
export { settings } from './config/settings.ts';
export { type TracingSettings, tracingSettings } from './config/tracing-settings.ts';
export { ConfigError, type ConfigProblem, parseEnvironment } from './config/environment.ts';
export { describeSettings, type SettingDescription } from './config/describe-settings.ts';
