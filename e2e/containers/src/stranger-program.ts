import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

// A server somewhere outside: says on stdout, a line each, what reached it. Serves one picture under any path.
const [address = '', pictureFile = ''] = process.argv.slice(2);
const picture = readFileSync(pictureFile);

createServer((request, response) => {
  process.stdout.write(`tcp ${request.url}\n`);
  response.writeHead(200, { 'content-type': 'image/png' }).end(picture);
}).listen(80, address, () => process.stdout.write('ready\n'));

const udp = createSocket('udp4');
// A question to a name server holds the name's parts between unprintable bytes.
udp.on('message', (message) => process.stdout.write(`udp ${message.toString('latin1').replace(/[^\w-]+/g, ' ')}\n`));
udp.bind(53, address);
