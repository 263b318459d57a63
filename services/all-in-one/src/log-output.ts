import type { ChildLine } from './lines.ts';

/**
 * One stream of what all processes say. Into a file or a pipe: JSON, a line each, the services' own lines as they wrote
 * them. On a terminal: short lines for people.
 */
export interface LogOutput {
  /** A line that a child wrote. */
  childLine(service: string, line: ChildLine): void;
  /** A line of the supervisor's own. */
  event(level: Level, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Text for whoever started the program. */
  say(text: string): void;
}

export interface LogOutputOptions {
  write(text: string): void;
  readonly forPeople: boolean;
  /** LOG_LEVEL: Redis and the supervisor write nothing below it; the services see to it themselves. */
  readonly level: string;
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof levels)[number];

/** `1234:M 23 Nov 2026 12:00:00.000 * Ready to accept connections` */
const redisLine = /^\d+:[A-Z] .{20,30} ([.*#-]) (.*)$/;
/** What its signal handler writes has another form, and the supervisor has said it already. */
const redisSignalLine = /^\d+:signal-handler /;
/** Redis marks these as important; to whom it is only transport they are not. */
const redisChatter =
  /is starting|version=|Configuration loaded|Server initialized|overcommit|requested shutdown|ready to exit|transparent huge/i;

function levelOfRedisLine([, mark = '', text = '']: RegExpExecArray): Level {
  return mark === '#' && !redisChatter.test(text) ? 'warn' : 'debug';
}

/** `(node:12) ExperimentalWarning: …`, and its advice how to trace it. */
const nodeWarning = /^\(node:\d+\) |^\(Use `node --trace/;

/** Services log on standard output; what comes as text on the other stream are the last words of one that fails. */
function levelOfText({ text, stream }: ChildLine): Level {
  if (stream === 'stdout') return 'info';
  return nodeWarning.test(text) ? 'warn' : 'error';
}

/** Fields that say nothing new on a terminal. */
const quietFields = new Set(['level', 'time', 'service', 'msg', 'pid', 'hostname']);

export function createLogOutput({ write, forPeople, level: lowestLevel }: LogOutputOptions): LogOutput {
  const lowest = levels.findIndex((name) => name === lowestLevel);
  const put = (record: Record<string, unknown>) => {
    write(`${forPeople ? forTerminal(record) : JSON.stringify(record)}\n`);
  };
  const isWanted = (name: Level) => levels.indexOf(name) >= lowest;
  return {
    childLine(service, line) {
      const { text } = line;
      const record = parseRecord(text);
      if (record !== undefined) {
        if (forPeople) put(record);
        else write(`${text}\n`);
        return;
      }
      const redis = service === 'redis' ? redisLine.exec(text) : null;
      const level = redis === null ? levelOfText(line) : levelOfRedisLine(redis);
      if (!isWanted(level) || text === '' || redisSignalLine.test(text)) return;
      put({ level, time: new Date().toISOString(), service, msg: redis?.[2] ?? text });
    },
    event(eventLevel, message, fields = {}) {
      if (!isWanted(eventLevel)) return;
      put({ level: eventLevel, time: new Date().toISOString(), service: 'all-in-one', ...fields, msg: message });
    },
    say(text) {
      write(text);
    },
  };
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** `12:00:00 warn  api         message  key=value` */
function forTerminal(record: Readonly<Record<string, unknown>>): string {
  const { time, level, service, msg } = record;
  const clock = new Date(typeof time === 'string' || typeof time === 'number' ? time : Date.now())
    .toTimeString()
    .slice(0, 8);
  const fields = Object.entries(record)
    .filter(([name]) => !quietFields.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [clock, String(level).padEnd(5), String(service).padEnd(10), typeof msg === 'string' ? msg : '', ...fields]
    .join(' ')
    .trimEnd();
}
