// What a database URL means for TLS, by the driver that reads it.
import type { Finding } from '../../check.ts';
import type { DatabaseUrl } from './urls.ts';

/** Prisma's engine (up to 6), node-postgres up to 8, and from 9 on, which reads modes as libpq does. */
export type Driver = 'engine' | 'pg8' | 'pg9';

export type Seen = {
  grade: Finding['grade'] | null;
  says: string;
  /** The URL says nothing of TLS, so a setting beside it decides. */
  isSilent?: boolean;
};

export function judgeUrl({ hostKind, parameters }: DatabaseUrl, driver: Driver): Seen {
  if (hostKind === 'socket') return { grade: null, says: 'a socket' };
  if (hostKind === 'loopback' || hostKind === 'container')
    return { grade: null, says: 'a host of the same machine or network of containers' };
  const mode = parameters.get('sslmode');
  return driver === 'engine' ? byEngine(mode, parameters, hostKind === 'private') : byPg(mode, parameters, driver, hostKind === 'private');
}

const NO_CHECK = 'encrypts, but verifies nobody';

function byEngine(mode: string | undefined, parameters: Map<string, string>, isPrivate: boolean): Seen {
  const isStrict = parameters.get('sslaccept') === 'strict';
  if (mode === 'require') {
    if (isStrict) return { grade: null, says: 'sslmode=require with sslaccept=strict verifies the server' };
    return { grade: 'warn', says: `sslmode=require ${NO_CHECK} with Prisma's engine: sslaccept=strict is missing` };
  }
  if (mode === 'disable') return plain(isPrivate, 'sslmode=disable');
  if (mode === 'verify-full' || mode === 'verify-ca')
    return {
      grade: 'fail',
      says: `Prisma's engine does not know sslmode=${mode} and falls back to prefer, which takes plain text when the server offers no TLS`,
    };
  return plain(isPrivate, mode ? `sslmode=${mode}` : 'no sslmode, so prefer:');
}

function byPg(mode: string | undefined, parameters: Map<string, string>, driver: Driver, isPrivate: boolean): Seen {
  const asLibpq = driver === 'pg9' || parameters.get('uselibpqcompat') === 'true';
  if (mode === 'verify-full') return { grade: null, says: 'sslmode=verify-full verifies the server' };
  if (mode === 'verify-ca') return { grade: null, says: 'sslmode=verify-ca verifies the authority of the server' };
  if (mode === 'no-verify') return { grade: 'warn', says: `sslmode=no-verify ${NO_CHECK}` };
  if (mode === 'require' || mode === 'prefer') {
    if (asLibpq)
      return parameters.has('sslrootcert') && mode === 'require'
        ? { grade: null, says: 'sslmode=require with sslrootcert verifies the authority' }
        : { grade: 'warn', says: `sslmode=${mode} ${NO_CHECK} as libpq reads it` };
    return { grade: null, says: `sslmode=${mode} verifies the server like verify-full, as pg 8 reads it` };
  }
  if (parameters.get('ssl') === 'true' || parameters.get('ssl') === '1') return { grade: null, says: 'ssl=true verifies the server' };
  if (mode === 'disable') return plain(isPrivate, 'sslmode=disable');
  return { ...plain(isPrivate, 'no sslmode:'), isSilent: true };
}

function plain(isPrivate: boolean, what: string): Seen {
  return isPrivate
    ? { grade: 'warn', says: `${what} plain text inside the private network` }
    : { grade: 'fail', says: `${what} plain text, or whatever the server offers, over a public network` };
}
