import { expect, it } from 'vitest'
import { MemberHosts } from '../../../../../src/consensus/peers/handshake/member-hosts.ts'

it('the hosts of members are those of their addresses, and those that they have called from', () => {
  const hosts = new MemberHosts()
  hosts.setPeers([
    { name: 'lb1', address: '10.0.0.1:7400' },
    { name: 'lb2', address: '[2001:DB8::2]:7400' },
    { name: 'lb3', address: 'lb3.example:7400' },
  ])
  expect(['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::2'].map((host) => hosts.has(host))).toEqual([
    true,
    true,
    true,
  ])
  expect(hosts.has('10.0.0.3')).toBe(false)
  for (const address of ['', ':7400', 'no port', '[::1', '10.0.0.1:99999']) {
    new MemberHosts().setPeers([{ name: 'lb4', address }])
  }
  hosts.proved('lb3', '[::ffff:10.0.0.3]:50000')
  hosts.proved('lb9', '10.0.0.9:50000')
  expect([hosts.has('10.0.0.3'), hosts.has('10.0.0.9')]).toEqual([true, false])
  hosts.setPeers([{ name: 'lb1', address: '10.0.0.1:7400' }])
  expect([hosts.has('10.0.0.1'), hosts.has('10.0.0.3')]).toEqual([true, false])
})
