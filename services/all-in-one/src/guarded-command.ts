/**
 * Runs a program that must not outlive the supervisor, not even one that was killed with SIGKILL. The program takes the
 * shell's place (same pid, so signals and exit codes are its own); what stays behind it is a watcher that reads from a
 * pipe whose other end only the supervisor holds. When that closes, the program gets SIGTERM, and after the grace its
 * whole process group SIGKILL. Works for Redis too, which knows nothing of parents, and needs only a POSIX shell.
 */
const script = `
exec 3<&0
(
  read -r _ <&3
  kill -TERM $$ 2>/dev/null || exit 0
  waited=0
  while [ "$waited" -lt "$1" ] && kill -0 $$ 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
  done
  kill -KILL -$$
) >/dev/null 2>&1 &
shift
exec "$@" </dev/null 3<&-
`;

/** The command line to spawn, detached (the group's id is then the program's pid) and with a pipe as standard input. */
export function guardedCommand(command: readonly string[], graceMs: number): readonly [string, ...string[]] {
  return ['/bin/sh', '-c', script, 'glyphmill-guard', String(Math.ceil(graceMs / 1000)), ...command];
}
