// A believable group: what it offers, where, and who works there. All names are invented.

export type Credential = 'MD' | 'NP' | 'RN' | 'LE';
export type RoomKind = 'Treatment' | 'Laser' | 'Facial' | 'Consult';

/** Minutes, and dollars in cents. `share` is how often it is booked against the others. */
export type ServiceSpec = {
  name: string;
  category: string;
  minutes: number;
  before: number;
  after: number;
  turnover: number;
  room: RoomKind;
  cents: number;
  by: Credential[];
  share: number;
};

export const SERVICES: ServiceSpec[] = [
  {
    name: 'Botulinum toxin, up to three areas',
    category: 'Injectables',
    minutes: 30,
    before: 0,
    after: 5,
    turnover: 5,
    room: 'Treatment',
    cents: 42_000,
    by: ['MD', 'NP', 'RN'],
    share: 26,
  },
  {
    name: 'Botulinum toxin touch-up',
    category: 'Injectables',
    minutes: 15,
    before: 0,
    after: 5,
    turnover: 5,
    room: 'Treatment',
    cents: 9_900,
    by: ['MD', 'NP', 'RN'],
    share: 8,
  },
  {
    name: 'Lip filler',
    category: 'Injectables',
    minutes: 45,
    before: 0,
    after: 10,
    turnover: 5,
    room: 'Treatment',
    cents: 75_000,
    by: ['MD', 'NP', 'RN'],
    share: 10,
  },
  {
    name: 'Cheek filler',
    category: 'Injectables',
    minutes: 60,
    before: 0,
    after: 10,
    turnover: 5,
    room: 'Treatment',
    cents: 160_000,
    by: ['MD', 'NP'],
    share: 5,
  },
  {
    name: 'Biostimulator',
    category: 'Injectables',
    minutes: 60,
    before: 5,
    after: 10,
    turnover: 5,
    room: 'Treatment',
    cents: 95_000,
    by: ['MD', 'NP'],
    share: 3,
  },
  {
    name: 'Laser hair removal, small area',
    category: 'Laser',
    minutes: 20,
    before: 0,
    after: 5,
    turnover: 5,
    room: 'Laser',
    cents: 15_000,
    by: ['RN', 'LE'],
    share: 9,
  },
  {
    name: 'Laser hair removal, large area',
    category: 'Laser',
    minutes: 50,
    before: 0,
    after: 5,
    turnover: 10,
    room: 'Laser',
    cents: 38_000,
    by: ['RN', 'LE'],
    share: 5,
  },
  {
    name: 'IPL photofacial',
    category: 'Laser',
    minutes: 40,
    before: 0,
    after: 5,
    turnover: 10,
    room: 'Laser',
    cents: 35_000,
    by: ['NP', 'RN'],
    share: 5,
  },
  {
    name: 'Fractional resurfacing',
    category: 'Laser',
    minutes: 75,
    before: 0,
    after: 10,
    turnover: 15,
    room: 'Laser',
    cents: 110_000,
    by: ['NP', 'RN'],
    share: 2,
  },
  {
    name: 'Hydrating facial',
    category: 'Skin',
    minutes: 60,
    before: 0,
    after: 10,
    turnover: 5,
    room: 'Facial',
    cents: 19_900,
    by: ['LE'],
    share: 10,
  },
  {
    name: 'Chemical peel',
    category: 'Skin',
    minutes: 40,
    before: 0,
    after: 10,
    turnover: 5,
    room: 'Facial',
    cents: 17_500,
    by: ['LE', 'RN'],
    share: 6,
  },
  {
    name: 'Microneedling',
    category: 'Skin',
    minutes: 60,
    before: 5,
    after: 10,
    turnover: 10,
    room: 'Treatment',
    cents: 35_000,
    by: ['NP', 'RN', 'LE'],
    share: 6,
  },
  {
    name: 'Dermaplaning',
    category: 'Skin',
    minutes: 45,
    before: 0,
    after: 5,
    turnover: 5,
    room: 'Facial',
    cents: 12_500,
    by: ['LE'],
    share: 3,
  },
  {
    name: 'New patient consultation',
    category: 'Consultation',
    minutes: 30,
    before: 0,
    after: 0,
    turnover: 5,
    room: 'Consult',
    cents: 7_500,
    by: ['MD', 'NP', 'RN'],
    share: 8,
  },
  {
    name: 'Follow-up visit',
    category: 'Consultation',
    minutes: 15,
    before: 0,
    after: 0,
    turnover: 5,
    room: 'Consult',
    cents: 0,
    by: ['MD', 'NP', 'RN'],
    share: 4,
  },
];

export const ROOMS: [RoomKind, number][] = [
  ['Treatment', 4],
  ['Laser', 2],
  ['Facial', 2],
  ['Consult', 2],
];

/** Providers of one clinic of eight; more locations repeat the pattern. */
export const TEAM: { credential: Credential; jobTitle: string }[] = [
  { credential: 'MD', jobTitle: 'Medical director' },
  { credential: 'NP', jobTitle: 'Nurse practitioner' },
  { credential: 'RN', jobTitle: 'Nurse injector' },
  { credential: 'RN', jobTitle: 'Nurse injector' },
  { credential: 'RN', jobTitle: 'Laser nurse' },
  { credential: 'LE', jobTitle: 'Aesthetician' },
  { credential: 'LE', jobTitle: 'Aesthetician' },
  { credential: 'LE', jobTitle: 'Aesthetician' },
];

/**
 * What the generated days follow. Shares of working time and of appointments; the report of a fill prints what came out, and
 * `generate.test.ts` holds it to these.
 */
export const DISTRIBUTIONS = {
  /** share of a provider's shift that is booked on past days */
  filledPast: 0.78,
  /** the same for coming days, falling by this share a day from today's */
  filledToday: 0.7,
  fillDecayPerDay: 0.04,
  /** of past appointments */
  noShow: 0.05,
  cancelled: 0.08,
  /** chance of a pause between two appointments, and its length in minutes */
  gap: 0.35,
  gapMinutes: [10, 15, 20, 30, 45] as const,
  /** of appointments of the next three days */
  confirmed: 0.6,
  channels: [
    ['online', 45],
    ['desk', 30],
    ['phone', 25],
  ] as const,
};

export const GIVEN_NAMES = (
  'Olivia Emma Amelia Sophia Charlotte Isabella Ava Mia Luna Harper Evelyn Camila Nora Hazel Elena Maya Naomi Ruth Priya Aisha Mei Yuki Leila Fatima Ingrid Zofia Anika Thandi Noah Liam Mateo Elijah James ' +
  'Lucas Levi Ezra Asher Samuel David Omar Ravi Kenji Andre Tomas Felix Hugo Emil Jonas Malik Kwame Adaeze Chidi Rosa Carmen Lucia Paula Greta Astrid Helena Iris Vera'
).split(' ');

export const FAMILY_NAMES = (
  'Abbott Alvarez Anderson Bauer Becker Bennett Brooks Campbell Carter Castillo Chen Cohen Cooper Cruz Davies Diaz Dubois Edwards Ellis Eriksen Fischer Flores Foster Garcia Gomez Grant Gupta Hall Hansen Hayes ' +
  'Herrera Hughes Ibrahim Jackson Jensen Johnson Kaplan Kaur Kelly Kim Kowalski Kumar Larsen Lee Levin Lopez Martin Mbeki Mendoza Meyer Mitchell Moreau Morgan Murphy Nakamura Navarro Nguyen Novak Okafor Olsen ' +
  'Ortiz Park Patel Perez Petrov Quinn Ramirez Reed Reyes Rivera Rossi Russo Sanchez Santos Sato Schmidt Silva Singh Sokolov Stewart Tanaka Taylor Torres Tran Turner Vargas Vega Wagner Walker Wang Weber Wong Wright Yilmaz Young Zhang'
).split(' ');
