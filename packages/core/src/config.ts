export { settings } from './config/settings.ts';
export { ConfigError, type ConfigProblem, parseEnvironment } from './config/environment.ts';
export { describeSettings, type SettingDescription } from './config/describe-settings.ts';
