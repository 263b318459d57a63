import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    updatesBaseline: boolean;
  }
}

/** Vitest's own `--update` (of snapshots) says here, too, that what is counted now is right. */
export function setup(project: TestProject): void {
  project.provide('updatesBaseline', project.config.snapshotOptions.updateSnapshot === 'all');
}
