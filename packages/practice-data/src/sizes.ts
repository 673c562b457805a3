/** How much is generated, and over which days around the moment of the fill. */
export type SizeSpec = {
  locations: number;
  /** of all locations; each has its own */
  patients: number;
  /** of one location */
  providers: number;
  /** rooms of each kind, against a clinic of eight providers */
  rooms: number;
  /** three days a week instead of four or five */
  isPartTime: boolean;
  pastDays: number;
  comingDays: number;
  /** A Monday before all past days: terms, shifts and ids of what does not move with the calendar begin here. */
  since: string;
};

/**
 * `small` fills the first run; `medium` is a group after a year and a half, `large` a chain after almost three years. `tiny` is
 * the shape of the larger ones (several locations, more past than the calendar keeps) for tests.
 */
export const SIZES = {
  tiny: { locations: 2, patients: 80, providers: 4, rooms: 1, isPartTime: true, pastDays: 40, comingDays: 14, since: '2020-01-06' },
  small: { locations: 1, patients: 240, providers: 8, rooms: 1, isPartTime: false, pastDays: 60, comingDays: 30, since: '2026-01-05' },
  medium: { locations: 3, patients: 6_000, providers: 8, rooms: 1, isPartTime: true, pastDays: 518, comingDays: 30, since: '2020-01-06' },
  large: {
    locations: 50,
    patients: 200_000,
    providers: 12,
    rooms: 1.5,
    isPartTime: false,
    pastDays: 880,
    comingDays: 30,
    since: '2020-01-06',
  },
} as const satisfies Record<string, SizeSpec>;

export type Size = keyof typeof SIZES;
