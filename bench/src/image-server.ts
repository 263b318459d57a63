import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BenchImage } from './image-set.ts';

export interface ImageServer {
  urlOf(image: BenchImage): string;
  close(): Promise<void>;
}

/** Serves the images from memory on a free port of the loopback address. */
export async function startImageServer(images: readonly BenchImage[]): Promise<ImageServer> {
  const byPath = new Map(images.map((image) => [pathOf(image), image.bytes]));
  const server = createServer((request, response) => {
    const bytes = byPath.get(request.url ?? '');
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length }).end(bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (image) => `http://127.0.0.1:${port}${pathOf(image)}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pathOf({ file }: BenchImage): string {
  return `/${encodeURIComponent(file)}`;
}
