import { describe, expect, it } from 'vitest';
import { parseUsers } from './accounts.ts';
import { parseCrontab, parseTimers } from './jobs.ts';
import { withoutSecrets } from './redact.ts';

describe('cron jobs', () => {
  it('of the system name their user', () => {
    const text = `SHELL=/bin/sh
# m h dom mon dow user command
17 *  * * *  root  cd / && run-parts --report /etc/cron.hourly
@daily backup /usr/local/bin/dump --password=geheim
half a line
`;
    expect(parseCrontab(text, '/etc/crontab', null)).toEqual([
      {
        source: '/etc/crontab',
        user: 'root',
        schedule: '17 * * * *',
        command: 'cd / && run-parts --report /etc/cron.hourly',
      },
      { source: '/etc/crontab', user: 'backup', schedule: '@daily', command: '/usr/local/bin/dump --password=***' },
    ]);
  });

  it('of a user are his', () => {
    expect(parseCrontab('*/5 * * * 1-5 /home/a/run it\n', '/var/spool/cron/a', 'a')).toMatchObject([
      { user: 'a', schedule: '*/5 * * * 1-5', command: '/home/a/run it' },
    ]);
  });
});

it.each([
  ['PGPASSWORD=x1 psql -c 1', 'PGPASSWORD=*** psql -c 1'],
  ['curl -H "Authorization: Bearer abcdefgh123" http://a', 'curl -H "Authorization: ***'],
  ['mysqldump -uroot -psecret all', 'mysqldump -uroot -p*** all'],
  ['dump --token "a b" x', 'dump --token *** x'],
  ['wget https://bob:s3cret@repo/x', 'wget https://bob:***@repo/x'],
  ['tar -cpf /backup.tar /srv', 'tar -cpf /backup.tar /srv'],
  ['mkdir -p /srv/x', 'mkdir -p /srv/x'],
])('of %j no more is told than %j', (command, told) => {
  expect(withoutSecrets(command).startsWith(told)).toBe(true);
  expect(withoutSecrets(command)).not.toMatch(/geheim|secret\b(?!=)|s3cret|abcdefgh/);
});

it('timers are told with what they start and when, not with when they will', () => {
  const text = `Id=apt-daily.timer
Unit=apt-daily.service
ActiveState=active
TimersCalendar={ OnCalendar=*-*-* 06,18:00:00 ; next_elapse=Tue 2026-12-01 06:00:00 UTC }
TimersMonotonic={ OnBootUSec=15min ; next_elapse=15min }

Id=off.timer
Unit=off.service
ActiveState=inactive
`;
  expect(parseTimers(text)).toEqual([
    {
      unit: 'apt-daily.timer',
      activates: 'apt-daily.service',
      schedule: ['OnBootUSec=15min', 'OnCalendar=*-*-* 06,18:00:00'],
      active: true,
    },
    { unit: 'off.timer', activates: 'off.service', schedule: [], active: false },
  ]);
});

it('users are told with their groups and whether they have a shell, and nothing that is secret', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/bash\nwww:$6$hash:33:33::/var/www:/usr/sbin/nologin\n+nis\nbad:x:y:0:::\n';
  const group = 'root:x:0:\nwww:x:33:\nadm:x:4:syslog,root\n';
  expect(parseUsers(passwd, group)).toEqual([
    { name: 'root', uid: 0, group: 'root', groups: ['adm'], home: '/root', shell: '/bin/bash', login: true },
    { name: 'www', uid: 33, group: 'www', groups: [], home: '/var/www', shell: '/usr/sbin/nologin', login: false },
  ]);
});
