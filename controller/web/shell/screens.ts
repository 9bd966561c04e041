/** What there is to look at, in the order of a night. `key`: after `g`. */
export const SCREENS = [
  { to: '/', title: 'Tonight', key: 't' },
  { to: '/runs', title: 'Runs', key: 'r' },
  { to: '/incidents', title: 'Incidents', key: 'i' },
  { to: '/plans', title: 'Plans', key: 'p' },
  { to: '/drift', title: 'Drift', key: 'd' },
  { to: '/promotion', title: 'Promotion', key: 'm' },
  { to: '/hosts', title: 'Hosts', key: 'h' },
  { to: '/administration', title: 'Administration', key: 'a' },
] as const;
