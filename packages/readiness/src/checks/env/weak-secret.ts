import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import { envWeakSecret } from '../../drills/env-weak-secret.ts';
import type { Project } from '../../project/project.ts';
import { calledName, nameOf, placeOf, textOf, visit, type Node } from '../../project/source.ts';
import { said } from '../pool/settings.ts';
import { isRandom, isStandIn } from './random.ts';
import { fromOf, productionUrls, readEntries } from './urls.ts';

/** Keys that the service chooses itself, unlike those that a provider gives out. */
const OWN_KEY =
  /^(\w+_)?(ENCRYPTION|SIGNING|JWT|SESSION|COOKIE|AUTH|NEXTAUTH|BETTER_AUTH|ACCESS_TOKEN|REFRESH_TOKEN|MASTER|CSRF|HMAC|CRYPTO|DATA|FIELD|HASH)_(SECRET|KEY|PEPPER)(_\w+)?$|^(APP_|SERVER_)?(SECRET|SECRET_KEY|SECRET_KEY_BASE|APP_KEY)$/i;
const NOT_SECRET = /PUBLIC|KEY_(ID|FILE|PATH|NAME|VERSION)$|_FILE$|_PATH$|_HEADER$|_EXPIR\w*$|_TTL$/i;
const COMMON =
  /^(secret|password|changeme|change_me|change-me|default|admin|test|dev|key|mysecret|my-secret|supersecret|super-secret|super_secret|your-secret|keyboard cat|s3cr3t|postgres|qwerty|12345\d*)/i;

export const weakSecret: Check = {
  id: 'env.weak-secret',
  title: 'No key is one that everybody knows',
  category: 'Security',
  severity: 'critical',
  why: 'A template is copied as it is. Sixty-four zeroes pass for a key: everything works, and everybody can decrypt and sign.',
  link: 'https://cheatsheetseries.owasp.org/cheatsheets/Cryptographic_Storage_Cheat_Sheet.html',
  looksFor:
    'keys in templates, environment files and deployments that would work and are known: equal or repeating characters, common words; fallbacks for missing keys in code; default passwords of production databases. Empty values and words such as generate_with_... are fine',
  remedy:
    'Leave the value in the template empty, with the command that makes one (openssl rand -hex 32), and refuse weak keys when the service starts. Remove fallbacks.',
  example: { language: 'env', before: 'ENCRYPTION_KEY=64 ZEROES', after: '# openssl rand -hex 32\nENCRYPTION_KEY=' },
  effort: '30 minutes',
  static: judge,
  drill: envWeakSecret,
};

function judge(project: Project) {
  const { envFiles, deployments } = project;
  const settings = [
    ...envFiles
      .filter((file) => file.isTracked && (fromOf(file) !== 'development' || file.isTemplate))
      .flatMap((file) => readEntries(file).map(({ key, value, place }) => ({ name: key, value, place, isTemplate: file.isTemplate }))),
    ...deployments.deployments
      .filter(({ platform }) => platform !== 'compose')
      .flatMap(({ env }) =>
        env.flatMap(({ name, value, place }) => (value === undefined ? [] : [{ name, value, place, isTemplate: false }])),
      ),
  ].filter(({ name }) => isOwnKey(name));
  // Zeroes in a file for development are copied as well.
  const development = envFiles
    .filter((file) => file.isTracked && fromOf(file) === 'development' && !file.isTemplate)
    .flatMap((file) => readEntries(file).filter(({ key, value }) => isOwnKey(key) && isPattern(value)))
    .map(({ key, place }) => finding('fail', `${key} is a pattern, not a random key; it works wherever it is copied to`, place));
  const findings = [
    ...settings.flatMap(({ name, value, place, isTemplate }) => weakness(name, value, place, isTemplate) ?? []),
    ...development,
  ];
  findings.push(...fallbacks(project), ...defaultPasswords(project));
  if (findings.length === 0 && settings.length === 0 && project.sourcesWith('_SECRET', '_KEY').length === 0)
    return notApplicable('no key of its own was found');
  return judged(
    findings,
    settings.length > 0
      ? settings.map(({ name, value, place }) => `${name} ${held(value)} (${said(place)})`)
      : findings.length > 0
        ? []
        : ['no file holds such a key, and no code falls back to one'],
  );
}

function held(value: string): string {
  if (value === '') return 'is left empty';
  return isStandIn(value) ? 'holds a stand-in, to be replaced' : 'holds no known key';
}

function isOwnKey(name: string): boolean {
  return OWN_KEY.test(name) && !NOT_SECRET.test(name);
}

function weakness(name: string, value: string, place: Finding['place'], isTemplate: boolean): Finding | null {
  if (value === '') return null;
  if (isPattern(value)) return finding('fail', `${name} is a pattern, not a random key; it works wherever it is copied to`, place);
  if (isTemplate)
    return isStandIn(value) || !COMMON.test(value)
      ? null
      : finding('warn', `${name} is a word that everybody tries, and works as it stands`, place);
  if (COMMON.test(value)) return finding('fail', `${name} is a word that everybody tries`, place);
  return value.length < 16 && !isStandIn(value) ? finding('warn', `${name} has only ${value.length} characters`, place) : null;
}

/** Long enough for a key, and made of few characters or steps: 000..., 0123456789abcdef..., abababab... */
function isPattern(value: string): boolean {
  if (value.length < 16 || !/^[\w+/=-]+$/.test(value) || /[g-z]{4,}.*[_-]/i.test(value)) return false;
  if (new Set(value).size <= 4) return true;
  const half = /^(.{2,32}?)\1+$/.exec(value);
  const steps = new Set(Array.from({ length: value.length - 1 }, (_, index) => value.charCodeAt(index + 1) - value.charCodeAt(index)));
  return half !== null || steps.size <= 3;
}

const SIGNERS = new Set([
  'jsonwebtoken',
  'express-session',
  'cookie-session',
  'passport-jwt',
  '@nestjs/jwt',
  '@fastify/jwt',
  '@fastify/session',
  'iron-session',
  'hono/jwt',
  'next-auth',
]);
const SIGNS_WITH = /^(secret|secretOrKey|jwtSecret|sessionSecret|cookieSecret)$/;

/** `process.env.JWT_SECRET || 'secret'`, and a schema's `.default('...')`: the service starts with a key that is in the code. */
function fallbacks(project: Project): Finding[] {
  return project.sourcesWith('SECRET', '_KEY', ...SIGNERS).flatMap((source) => {
    const found: Finding[] = [];
    const isSigning = [...source.imports.values()].some(({ module }) => SIGNERS.has(module));
    const inCode = (node: Node) => {
      // A random one is the matter of env.secrets-committed, which says that it is published.
      const value = textOf(node);
      if (value && !isRandom(value)) found.push(finding('fail', 'what signs sessions or tokens stands in the code', placeOf(source, node)));
    };
    const tell = (name: string, node: Node) => {
      const value = textOf(node);
      if (value && isOwnKey(name))
        found.push(finding('fail', `without ${name} the service starts with a key that stands in the code`, placeOf(source, node)));
    };
    visit(source, {
      LogicalExpression({ left, right, operator }) {
        if (operator !== '&&' && left.type === 'MemberExpression')
          tell(left.computed ? (textOf(left.property) ?? '') : nameOf(left.property), right);
        // Nest's ConfigService: get('JWT_SECRET') || '...'
        if (operator !== '&&' && left.type === 'CallExpression' && calledName(left.callee) === 'get')
          tell(textOf(left.arguments[0]) ?? '', right);
      },
      CallExpression({ callee, arguments: [first, second] }) {
        if (calledName(callee) === 'get' && first && second) tell(textOf(first) ?? '', second);
        if (isSigning && second && /^(sign|verify)$/.test(calledName(callee))) inCode(second);
      },
      Property({ key, value }) {
        if (isSigning && SIGNS_WITH.test(nameOf(key))) inCode(value);
        if (value.type === 'CallExpression' && calledName(value.callee) === 'default' && value.arguments[0])
          tell(nameOf(key), value.arguments[0]);
      },
    });
    return found;
  });
}

/** Of a database that others can reach. */
function defaultPasswords(project: Project): Finding[] {
  return productionUrls(project)
    .filter(({ from, hostKind }) => from !== 'template' && (hostKind === 'public' || hostKind === 'private'))
    .filter(({ password, user }) => password !== '' && (password === user || (COMMON.test(password) && !/[<>${}]/.test(password))))
    .map(({ key, place }) => finding('fail', `${key} has a password that everybody tries`, place));
}
