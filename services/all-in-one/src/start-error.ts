/** Why the program cannot run, in words for whoever started it. Anything else is a defect and keeps its stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
