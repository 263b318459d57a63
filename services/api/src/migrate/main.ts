import { runMigrate } from '@glyphmill/core/migrate';

// The same as `glyphmill migrate`, for a container that holds no command line. As its first process it would not even be
// ended by a signal that it does not ask for.
process.on('SIGTERM', () => process.exit(143));
process.exitCode = await runMigrate(process);
