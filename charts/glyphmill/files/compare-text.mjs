/**
 * Sends an image to POST /analyze and compares the text with what it is known to say, in <image>.expected.txt: one line
 * each. Exits with 0 where they are the same. Usage: API_URL=http://… node compare-text.mjs IMAGE
 */
import { readFileSync } from 'node:fs';

const [image] = process.argv.slice(2);
const { API_URL, BASIC_AUTH_USERNAME, BASIC_AUTH_PASSWORD } = process.env;
const headers = { 'content-type': 'application/json' };
if (BASIC_AUTH_USERNAME) {
  const credentials = Buffer.from(`${BASIC_AUTH_USERNAME}:${BASIC_AUTH_PASSWORD}`).toString('base64');
  headers.authorization = `Basic ${credentials}`;
}
const linesOf = (text) => text.trim().split(/\s*\n\s*/);
const expected = linesOf(readFileSync(`${image}.expected.txt`, 'utf8'));
const image_url = `data:image/png;base64,${readFileSync(image).toString('base64')}`;

const response = await fetch(`${API_URL}/analyze`, {
  method: 'POST',
  headers,
  body: JSON.stringify({ image_url }),
  signal: AbortSignal.timeout(90_000),
});
const answer = await response.json();
const read = response.ok ? answer.data.map(({ text }) => text) : [];
const isSame = JSON.stringify(read) === JSON.stringify(expected);
console.log(
  isSame
    ? `The text is what it should be: ${JSON.stringify(read)}`
    : `Expected ${JSON.stringify(expected)}, got ${response.status} ${JSON.stringify(response.ok ? read : answer)}`,
);
process.exitCode = isSame ? 0 : 1;
