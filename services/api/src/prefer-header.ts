/** What a caller prefers (RFC 7240), as far as this service can do it. */
export interface Preferences {
  /** Past the deadline the job goes on, and the answer says where to ask for it. */
  readonly respondAsync: boolean;
  /** How long the caller wants to wait at most. */
  readonly waitMs: number | undefined;
}

/** Unknown and malformed preferences are ignored, as the RFC asks; of repeated ones the first counts. */
export function parsePrefer(header: string | undefined): Preferences {
  const preferences = (header ?? '').split(',').map((item) => item.split(';')[0]?.trim().toLowerCase() ?? '');
  const waitSeconds = preferences
    .map((preference) => /^wait\s*=\s*"?(\d{1,9})"?$/.exec(preference)?.[1])
    .find((seconds) => seconds !== undefined);
  return {
    respondAsync: preferences.some((preference) => /^respond-async(\s*=.*)?$/.test(preference)),
    waitMs: waitSeconds === undefined ? undefined : Number(waitSeconds) * 1000,
  };
}
