import type { ImageSource } from '@glyphmill/core/queue';
import { z } from '@hono/zod-openapi';
import type { BodyBudget } from './body-budget.ts';
import { parseImageUrl } from './image-url.ts';
import { maxBodyBytes, readJsonBody } from './read-json-body.ts';

export const analyzeBodySchema = z
  .object({
    image_url: z.string().min(1).openapi({
      description: 'Where the image is: an `http:` or `https:` URL, or a `data:` URL that holds it',
      example: 'https://example.com/gift-card.jpg',
    }),
  })
  .openapi('AnalyzeRequest');

/** What a request asks to be read. It holds the bytes for no longer than it must. */
export interface ReceivedImage {
  readonly source: ImageSource;
  /** The bytes where the request itself brought them, once: they are not kept while the answer is waited for. */
  takeInput(): Uint8Array | undefined;
  /** To be called when the bytes are gone, or will never be wanted: makes room for the next large body. */
  release(): void;
}

export interface ReceiveImageOptions {
  readonly maxImageBytes: number;
  readonly budget: BodyBudget;
}

/** Throws what `readJsonBody` and `parseImageUrl` throw; nothing is held then. */
export async function receiveImage(
  request: Request,
  { maxImageBytes, budget }: ReceiveImageOptions,
): Promise<ReceivedImage> {
  const lease = budget.lease();
  try {
    const options = { schema: analyzeBodySchema, maxBytes: maxBodyBytes(maxImageBytes), lease };
    const { source, input } = parseImageUrl((await readJsonBody(request, options)).image_url, { maxImageBytes });
    let kept = input;
    return {
      source,
      takeInput() {
        const taken = kept;
        kept = undefined;
        return taken;
      },
      release: () => {
        lease.release();
      },
    };
  } catch (error) {
    lease.release();
    throw error;
  }
}
