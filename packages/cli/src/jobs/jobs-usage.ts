export const jobsUsage = `Hands images to a running Glyphmill, which keeps them and their texts.

Usage: npm run jobs -- submit [options] FILE… | FOLDER… | URL… | -
       npm run jobs -- list [--state STATE[,STATE]] [--batch ID] [--limit N | --all]
       npm run jobs -- show ID…
       npm run jobs -- cancel ID…
       npm run jobs -- retry ID… | --all-failed
       npm run jobs -- wait [--timeout S] ID… | --batch ID

  submit                  sends images: files, all in folders, URLs that the service fetches, - standard input
    --priority N          0 to 1000; smaller runs sooner (default 100)
    --metadata KEY=VALUE  comes back with each job; may be repeated
    --callback-url URL    where the end of each job is posted to
    --deadline-ms N       a job that has not ended so long after it was accepted fails
    --idempotency-key K   sending the same again under the same key makes no second job
    --wait                until all have ended; --timeout as with wait
  list                    newest first, 50 unless told otherwise
    --state STATE         queued, active, succeeded, failed, canceled; may be repeated
    --batch ID            of one batch only
    --limit N, --all      how many
  show                    everything about jobs, their texts as well
  cancel                  also jobs that are being read
  retry                   failed jobs, from the start
    --all-failed          all of them; with --batch those of one batch
  wait                    prints each job when it has ended
    --batch ID            all jobs of a batch; may be repeated
    --timeout S           gives up after so many seconds

  --url URL               the service (default: GLYPHMILL_URL, else http://127.0.0.1:8000)
  --json                  one JSON object per line; errors are {…, error: {code, detail}}
  -h, --help              this text

Username and password are read from GLYPHMILL_USERNAME and GLYPHMILL_PASSWORD.
The exit code is 0 when all went well, 1 when anything failed (the rest is still done; a job that is waited for and
fails counts), 2 when the command line is wrong.
`;
