import type { SectionContent } from '@tidemark/shared/inventory/kinds.ts';
import type { ServerFiles } from './server-files.ts';

/** With these nobody logs in. */
const NO_LOGIN = /\/(nologin|false|sync|halt|shutdown)$/;
const MAX_USERS = 4_096;

/** passwd(5) and group(5), and nothing that holds a secret. */
export const collectUsers = (files: ServerFiles): SectionContent<'users'> =>
  parseUsers(files.text('/etc/passwd'), files.text('/etc/group'));

/** Pure. */
export function parseUsers(passwd: string, group: string): SectionContent<'users'> {
  const groups = group.split('\n').flatMap(line => {
    const [name, , gid, members = ''] = line.split(':');
    return name && gid ? [{ name, gid, members: members.split(',') }] : [];
  });
  return passwd
    .split('\n')
    .flatMap((line): SectionContent<'users'> => {
      const [name, , uid, gid, , home = '', shell = ''] = line.split(':');
      if (!name || !uid || !/^\d+$/.test(uid)) return [];
      return [
        {
          ...{ name, uid: Number(uid), home, shell },
          group: groups.find(each => each.gid === gid)?.name ?? gid ?? '',
          groups: groups.flatMap(each => (each.members.includes(name) ? [each.name] : [])).sort(),
          login: shell !== '' && !NO_LOGIN.test(shell),
        },
      ];
    })
    .sort((a, b) => a.uid - b.uid || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_USERS);
}
