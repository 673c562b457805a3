import type { PublishTemplate } from '@medspa/contracts';

const STOP = 'Reply STOP to end texts.';
const GREETING = 'Hello {{patient.name}},';
const PLACE = '{{location.name}}, {{location.address}}';
const WHEN = '{{appointment.date}} at {{appointment.time}}';

/** What the practice clinic tells its patients. */
export const TEMPLATES: (PublishTemplate & { title: string | null })[] = [
  {
    kind: 'appointment.confirmation',
    channel: 'email',
    title: 'Your visit on {{appointment.date}}',
    body: `${GREETING}\n\nwe expect you on ${WHEN}.\n\n${PLACE}\n\nIf something comes up, please call us a day before.\n\n{{organization.name}}`,
  },
  {
    kind: 'appointment.confirmation',
    channel: 'sms',
    title: null,
    body: `{{organization.name}}: your visit is booked for ${WHEN}, {{location.name}}. ${STOP}`,
  },
  {
    kind: 'appointment.reminder',
    channel: 'email',
    title: 'See you on {{appointment.date}}',
    body: `${GREETING}\n\nthis is a reminder of your visit on ${WHEN}.\n\n${PLACE}\n\n{{organization.name}}`,
  },
  {
    kind: 'appointment.reminder',
    channel: 'sms',
    title: null,
    body: `{{organization.name}}: see you on ${WHEN}, {{location.name}}. ${STOP}`,
  },
  {
    kind: 'appointment.cancellation',
    channel: 'email',
    title: 'Your visit on {{appointment.date}} is cancelled',
    body: `${GREETING}\n\nyour visit on ${WHEN} is cancelled. Call us, and we find another time.\n\n{{organization.name}}`,
  },
  {
    kind: 'appointment.cancellation',
    channel: 'sms',
    title: null,
    body: `{{organization.name}}: your visit on ${WHEN} is cancelled. Call us for another time. ${STOP}`,
  },
];
