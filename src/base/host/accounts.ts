import { readFileSync } from 'node:fs'

/** The numeric id of a group: `NAME` as /etc/group has it, or digits. Null: there is none. */
export function groupId(group: string): number | null {
  if (/^\d{1,9}$/.test(group)) return Number(group)
  const found = accountsIn('/etc/group').find(({ name }) => name === group)
  return found?.id ?? null
}

/** What a user is called: the name in /etc/passwd, or the number. */
export function userName(uid: number): string {
  return nameIn('/etc/passwd', uid)
}

/** What a group is called: the name in /etc/group, or the number. */
export function groupName(gid: number): string {
  return nameIn('/etc/group', gid)
}

function nameIn(file: string, id: number): string {
  return accountsIn(file).find((account) => account.id === id)?.name ?? String(id)
}

/** The accounts of passwd(5) or group(5): name and number stand at the same places of a line. */
function accountsIn(file: string): { name: string; id: number }[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    // A container may have none; numbers do as well.
    return []
  }
  return text.split('\n').flatMap((line) => {
    const [name = '', , id = ''] = line.split(':')
    return /^\d+$/.test(id) ? [{ name, id: Number(id) }] : []
  })
}
