import type { JobState } from '@glyphmill/core/results';
import { html, type Markup } from './markup.ts';

export const stateWords: Readonly<Record<JobState, string>> = {
  queued: 'Waiting',
  active: 'Being read',
  succeeded: 'Read',
  failed: 'Failed',
  canceled: 'Canceled',
};

export function stateMark(state: JobState): Markup {
  return html`<span class="state" data-state="${state}">${stateWords[state]}</span>`;
}
