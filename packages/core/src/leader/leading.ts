export { Leader, type LeaderOptions, type LeaderTiming } from './leader.ts';
export { type Moment, momentIn, Term, TermOver } from './term.ts';
