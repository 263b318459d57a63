import { printable } from '../printable.ts';
import { describeFailure, type Failure } from './failure.ts';
import type { Job } from './job-schema.ts';

const idWidth = 36;
const stateWidth = 9;
const timeWidth = 20;

type RowJob = Pick<Job, 'id' | 'state' | 'error'>;

/** One line about a job: id, state, what it is called, and why it failed if it did. */
export function formatRow(job: RowJob, name: string): string {
  return formatColumns([...firstColumns(job), name, ...reasonColumn(job)]);
}

export const listHeader = formatColumns([
  'JOB'.padEnd(idWidth),
  'STATE'.padEnd(stateWidth),
  'RUNS',
  'CREATED'.padEnd(timeWidth),
  'IMAGE',
]);

export function formatListRow(job: Job): string {
  const runs = String(job.attempts ?? '').padStart(4);
  const created = job.created_at === undefined ? '' : formatTime(job.created_at);
  return formatColumns([...firstColumns(job), runs, created.padEnd(timeWidth), nameOf(job), ...reasonColumn(job)]);
}

function firstColumns({ id, state }: RowJob): string[] {
  return [id.padEnd(idWidth), state.padEnd(stateWidth)];
}

function reasonColumn({ error }: RowJob): string[] {
  return error === undefined ? [] : [describeFailure(toFailureOf(error))];
}

function formatColumns(columns: readonly string[]): string {
  return `${columns.map(printable).join('  ').trimEnd()}\n`;
}

/** Everything, the text last. */
export function formatJob(job: Job): string {
  const { batch, index, error, metadata, source } = job;
  const bytes = source?.bytes === undefined ? '' : `, ${source.bytes} bytes`;
  const rows: [string, string | undefined][] = [
    ['image', source && `${nameOf(job)}${bytes}`],
    ['batch', batch && `${batch}, place ${index ?? '?'}`],
    ['priority', job.priority?.toString()],
    ['metadata', metadata && JSON.stringify(metadata)],
    ['runs', job.attempts?.toString()],
    ['position', job.position?.toString()],
    ['created', job.created_at && formatTime(job.created_at)],
    ['started', job.started_at && formatTime(job.started_at)],
    ['finished', job.finished_at && formatTime(job.finished_at)],
    ['next run', job.next_attempt_at && formatTime(job.next_attempt_at)],
    ['deadline', job.deadline_at && formatTime(job.deadline_at)],
    ['model', job.model],
    ['error', error && describeFailure(toFailureOf(error))],
    ['text', job.result && `${job.result.data.length} lines`],
  ];
  const lines = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(9)} ${value}`]));
  const text = job.result?.data.map((line) => `    ${line.text}`) ?? [];
  return [`${job.id}  ${job.state}`, ...lines, ...text].map((line) => `${printable(line)}\n`).join('');
}

/** What the sender called the image. */
export function nameOf({ source }: Job): string {
  return source?.url ?? source?.name ?? (source?.sha256 === undefined ? '' : `sha256:${source.sha256.slice(0, 12)}`);
}

/** For standard error. */
export function formatFailure(label: string, failure: Failure): string {
  return `${printable(label)}: ${printable(describeFailure(failure))}\n`;
}

export function formatJson(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function toFailureOf({ code, detail, errors }: NonNullable<Job['error']>): Failure {
  return { code, detail, ...(errors && { errors }) };
}

/** To the second, in UTC: `2026-11-25 09:30:00Z`. */
function formatTime(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+(?=Z$)/, '');
}
