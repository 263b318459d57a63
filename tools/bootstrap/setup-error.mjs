/** Something that the user has to put right; its message says how. Anything else is a defect and keeps its stack. */
export class SetupError extends Error {}
