/** Health check of a container: asks the service at the ops port whether it is ready. Node is all that the image has for it. */
const [port = '9464'] = process.argv.slice(2);
const url = `http://127.0.0.1:${port}/readyz`;
try {
  const { status } = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  process.exitCode = status === 200 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
