// Values of deployment files that are secrets, told without repeating them.
import { createHash } from 'node:crypto';
import type { EnvSetting } from '../../project/deployment.ts';
import { isVariable } from '../../project/readers/values.ts';
import { decoded } from '../env/urls.ts';

const NAME =
  /(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY|CREDENTIALS|SECRET_?KEY(_BASE)?)$/i;
const PUBLIC = /^(NEXT_PUBLIC|VITE|NUXT_PUBLIC|PUBLIC|REACT_APP|EXPO_PUBLIC)_|PUBLIC_?KEY|PUBLISHABLE/i;
const PLACEHOLDER =
  /^(<.*>|(your|change|replace|insert|example|sample)[-_ ].*|.*replace.?me.*|placeholder|dummy|todo|none|null|undefined|change[-_]?me|fake|build|test|x+|\*+|\.{3}|true|false|\d{1,5})?$/i;
const CAPITALS = /^[A-Z_]{3,}$/;
/** Not the secret but where it is. */
const REFERENCE = /^(\/|file:|secret:|projects\/[^/]+\/secrets|sm:|gcp-sm:|op:|vault:|arn:|ref\+|berglas|doppler)/;
const URL_WITH_PASSWORD = /^[a-z][\w+.-]*:\/\/[^\s:/@]*:([^\s/]+)@([^\s:/?]*)/i;

/** `literal` stands in the file; `variable` comes from the pipeline and ends up readable all the same. */
export function plainSecret({ name, value }: EnvSetting): 'literal' | 'variable' | null {
  if (value === undefined || PUBLIC.test(name) || REFERENCE.test(value)) return null;
  const [, password, host = ''] = URL_WITH_PASSWORD.exec(value) ?? [];
  if (password !== undefined) {
    if (isVariable(password)) return 'variable';
    // A made-up address that lets a build pass.
    const isForBuild = isPlaceholder(password) || /^(localhost|127\.0\.0\.1|host|dummy|placeholder|example\..*)?$/i.test(host);
    return isForBuild ? null : 'literal';
  }
  if (isVariable(value)) return NAME.test(name) || /^(DATABASE|DIRECT|DB|POSTGRES)_URL$/.test(name) ? 'variable' : null;
  return NAME.test(name) && !isPlaceholder(value.trim()) ? 'literal' : null;
}

function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text) || CAPITALS.test(text);
}

/** Enough to see that two places hold the same secret, too little to find it out; of an address its password counts. */
export function fingerprint(value: string): string {
  const [, password] = URL_WITH_PASSWORD.exec(value) ?? [];
  return createHash('sha256')
    .update(password ? decoded(password) : value)
    .digest('hex')
    .slice(0, 8);
}
