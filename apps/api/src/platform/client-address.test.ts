import { describe, expect, test } from 'vitest';
import { clientAddress, networkOf } from './client-address.ts';

const SOCKET = '203.0.113.9';

describe('ASVS 4.1.3, 15.3.4: the address of a request', () => {
  test.each<[header: string | undefined]>([[undefined], ['1.2.3.4'], ['1.2.3.4, 5.6.7.8'], ['::1'], ['junk'], ['']])(
    'is that of the connection where no proxy is trusted, whatever X-Forwarded-For says: %s',
    (header) => {
      expect(clientAddress(SOCKET, header, 0)).toBe(SOCKET);
    },
  );

  test.each<[header: string, proxies: number, address: string]>([
    ['198.51.100.7', 1, '198.51.100.7'],
    // What the client wrote stands before what the proxy wrote.
    ['1.2.3.4, 198.51.100.7', 1, '198.51.100.7'],
    ['1.2.3.4,5.6.7.8,  198.51.100.7', 1, '198.51.100.7'],
    ['127.0.0.1, ::1, 10.0.0.1, 198.51.100.7', 1, '198.51.100.7'],
    ['1.2.3.4, 198.51.100.7, 10.0.0.2', 2, '198.51.100.7'],
    // Who came past one of them: the outermost that was written.
    ['198.51.100.7', 2, '198.51.100.7'],
  ])('is what the trusted proxies wrote, counted from the end: "%s" with %i', (header, proxies, address) => {
    expect(clientAddress('10.0.0.1', header, proxies)).toBe(address);
  });

  test.each<[header: string | undefined]>([
    [undefined],
    [''],
    ['junk'],
    ['1.2.3.4, junk'],
    ['1.2.3.4, '],
    ['1.2.3.4, 999.1.1.1'],
    ['1.2.3.4, 1.2.3'],
    ['1.2.3.4, for=5.6.7.8'],
    ['1.2.3.4, 5.6.7.8 9.9.9.9'],
    ['1.2.3.4, [::1'],
    ['1.2.3.4, <script>'],
    ['1.2.3.4, 0x7f000001'],
  ])('is that of the connection where the proxy wrote none: %s', (header) => {
    expect(clientAddress(SOCKET, header, 1)).toBe(SOCKET);
  });

  test.each<[written: string, address: string]>([
    ['198.51.100.7:443', '198.51.100.7'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
  ])('is read without its port and its interface: %s', (written, address) => {
    expect(clientAddress(SOCKET, `6.6.6.6, ${written}`, 1)).toBe(address);
  });

  test('is one for all who have none', () => {
    expect(clientAddress(undefined, undefined, 0)).toBe('unknown');
    expect(networkOf('unknown')).toBe('unknown');
  });
});

describe('AUT-3: what counts as one caller', () => {
  test.each<[address: string, network: string]>([
    ['198.51.100.7', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::ffff:c633:6407', '198.51.100.7'],
    ['0:0:0:0:0:FFFF:198.51.100.7', '198.51.100.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s is of %s', (address, network) => {
    expect(networkOf(clientAddress(address, undefined, 0))).toBe(network);
  });
});
