import type { JobStore } from '@glyphmill/core/store';
import { isGone } from './folder/file-fault.ts';
import { type HeldFolder, splitPath, withFolderAt } from './folder/held-folder.ts';

export interface ForgetVanishedOptions {
  readonly inbox: HeldFolder;
  readonly store: Pick<JobStore, 'unreadableInboxFiles' | 'forgetInboxFiles'>;
  readonly signal: AbortSignal;
}

const filesAtOnce = 200;

/** Somebody took a file away that could not be read: nobody needs to be told of it any more. */
export async function forgetVanished({ inbox, store, signal }: ForgetVanishedOptions): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const paths = await store.unreadableInboxFiles({ limit: filesAtOnce, ...(after !== undefined && { after }) });
    const vanished: string[] = [];
    for (const path of paths) {
      signal.throwIfAborted();
      if (await hasVanished(inbox, path)) vanished.push(path);
    }
    await store.forgetInboxFiles(vanished);
    if (paths.length < filesAtOnce) return;
    after = paths.at(-1);
  }
}

async function hasVanished(inbox: HeldFolder, path: string): Promise<boolean> {
  const { folder, name } = splitPath(path);
  try {
    await withFolderAt(inbox, folder, (held) => held.look(name));
    return false;
  } catch (error) {
    return isGone(error);
  }
}
