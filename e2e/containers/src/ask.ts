import { text } from 'node:stream/consumers';
import { type RequestOptions, sendRequest } from '../../src/http-client.ts';

// A request's options come in as JSON, its answer goes out as JSON: a program of its own, since it runs in another network.
const options = JSON.parse(await text(process.stdin)) as RequestOptions;
process.stdout.write(JSON.stringify(await sendRequest(options)));
