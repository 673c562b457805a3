// Secrets in a text: by their known shape anywhere, by the name of a setting where settings are kept.
import { createHash } from 'node:crypto';
import { isEnvFile, readEnvFile } from '../../project/env.ts';
import type { Kind } from '../../project/kinds.ts';
import { lineAt, nameOf, parseSource, textOf, visit, type Node } from '../../project/source.ts';
import { isChosen, isRandom, isStandIn } from './random.ts';
import { decoded, readUrl } from './urls.ts';

/** What it is, where it stands, and how it is told apart without being shown. */
export type Secret = { what: string; line: number; fingerprint: string };

type Found = { what: string; at: number; value: string };

/** Shapes that nothing else has. `quiet`: not in tests and documents, where such texts are made up or thrown away. */
const SHAPES: { what: string; shape: RegExp; quiet?: true }[] = [
  { what: 'an access key of AWS', shape: /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g },
  { what: 'a live key of Stripe', shape: /\b[sr]k_live_[A-Za-z0-9]{16,}\b/g },
  { what: 'a signing secret of Stripe', shape: /\bwhsec_[A-Za-z0-9+/]{24,}/g },
  { what: 'an API key of Twilio', shape: /\bSK[0-9a-f]{32}\b/g },
  { what: 'a token of Slack', shape: /\bxox[abeoprs]-[A-Za-z0-9-]{24,}/g },
  { what: 'a webhook of Slack', shape: /\bhooks\.slack\.com\/services\/T\w{6,}\/B\w{6,}\/\w{20,}/g },
  { what: 'a token of GitHub', shape: /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,})/g },
  { what: 'a token of GitLab', shape: /\bglpat-[\w-]{20,}/g },
  { what: 'a token of npm', shape: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { what: 'an API key of SendGrid', shape: /\bSG\.[\w-]{20,24}\.[\w-]{40,}/g },
  { what: 'an API key of Google', shape: /\bAIza[\w-]{35}\b/g, quiet: true },
  { what: 'an API key', shape: /\bsk-(?:proj-|ant-[\w-]*-|svcacct-)?[A-Za-z0-9]{20}[\w-]{12,}/g },
  { what: 'a signed token', shape: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/g, quiet: true },
  { what: 'a private key', shape: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:\s|\\n|["'+])*[A-Za-z0-9+/]{40,}[^-]*/g, quiet: true },
];
/** One look for all: most files have none. */
const ANY =
  /AKIA|ASIA|k_live_|whsec_|SK[0-9a-f]{32}|xox[abeoprs]-|hooks\.slack|gh[pousr]_|github_pat_|glpat-|npm_|SG\.|AIza|sk-|eyJ|PRIVATE KEY|:\/\//;
const URLS =
  /\b(postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|smtps?):\/\/([^\s:@/'"`<>]*):([^\s@'"`<>]+)@([^\s/?'"`),;]+)/g;
const NAME =
  /(?:secret|token|passw(?:or)?d|passwd|pwd|api_?key|(?:encryption|private|access|signing|master|auth|session|jwt)_?key|credentials?|pepper)/i;
const NAMED = new RegExp(String.raw`${NAME.source}[\w.-]{0,40}["']?\s*(?:[:=]|=>)\s*["'\x60]?([^\s"'\x60,;]{12,400})`, 'gi');
/** Sent to every browser, or no secret by what it is called. */
const PUBLIC =
  /(^|_)(NEXT_PUBLIC|VITE|REACT_APP|EXPO_PUBLIC|NUXT_PUBLIC|PUBLIC|ANON|PUBLISHABLE|SITE)(_|$)|public_?key|key_?id$|_FILE$|_PATH$|_URL$|_NAME$|_HEADER$|\.([cm]?[jt]sx?|json|ya?ml|md|html?)$/i;
/** Hashes by the thousand, or sealed texts. */
const PASSED_OVER = /(^|\/)([\w.-]*lock(\.[\w]+)?|[\w.-]*\.sum|\.env\.vault|[\w.-]*\.(snap|map|svg|min\.js|tsbuildinfo|lockb|po|csv))$/;
const SETTINGS =
  /\.(ya?ml|json|toml|ini|conf|cfg|properties|tf|tfvars|sh|bash|xml|tpl)$|(^|\/)(Dockerfile[\w.-]*|[\w.-]*\.Dockerfile|Makefile|Procfile|\.npmrc|\.netrc|\.pgpass)$/;

export function isPassedOver(path: string): boolean {
  return PASSED_OVER.test(path);
}

export function secretsIn(path: string, written: string, kind: Kind): Secret[] {
  if (isPassedOver(path)) return [];
  const text = /\.ya?ml$/.test(path) ? withoutBase64(written) : written;
  const found = [...shaped(text, kind), ...(isEnvFile(path) ? inEnvFile(path, text) : named(path, text, kind))];
  const secrets = new Map<string, Secret>();
  for (const { what, at, value } of found) {
    const line = lineAt(text, at);
    const fingerprint = createHash('sha256').update(value).digest('hex').slice(0, 8);
    if (!secrets.has(fingerprint)) secrets.set(fingerprint, { what, line, fingerprint });
  }
  return [...secrets.values()];
}

function shaped(text: string, kind: Kind): Found[] {
  if (!ANY.test(text)) return [];
  const isQuiet = kind === 'test' || kind === 'document' || kind === 'example';
  const found = SHAPES.flatMap(({ what, shape, quiet }): Found[] => {
    if (quiet && isQuiet) return [];
    return [...text.matchAll(shape)].flatMap(({ 0: value, index }) => {
      const body = value.replace(/^-----BEGIN [A-Z ]+-----|^[a-z]+_live_|^whsec_|^gh\w_|^SG\.|^AKIA|^AIza/, '').replaceAll(/[\s\\]/g, '');
      const isPublic =
        PUBLIC.test(lineOf(text, index).split(/[:=]/)[0]?.trim() ?? '') ||
        /authDomain|firebase/i.test(text.slice(Math.max(0, index - 300), index + 300));
      const isMadeUp = isStandIn(value.slice(0, 60)) || /EXAMPLE|1234567|abcdef|(.)\1{5}/i.test(value) || new Set(body).size < 10;
      return isMadeUp || (quiet && what !== 'a private key' && isPublic) ? [] : [{ what, at: index, value }];
    });
  });
  for (const { 0: url, 1: scheme = '', 2: user = '', 3: raw = '', 4: host = '', index } of text.matchAll(URLS)) {
    const password = decoded(raw);
    const near = readUrl('', url.replace(/^[^:]+/, 'postgres'), { file: '', line: 0 }, 'file', false)?.hostKind;
    const isReal = (near === 'public' || near === 'private') && !/example|\.test\b|\.invalid|<|\$/i.test(host) && password !== user;
    if (isReal && (isQuiet ? isRandom(password) : isChosen(password)))
      found.push({ what: `a password in a URL (${scheme})`, at: index, value: password });
  }
  return found;
}

function lineOf(text: string, at: number): string {
  return text.slice(text.lastIndexOf('\n', at) + 1, at);
}

function inEnvFile(path: string, text: string): Found[] {
  // Keys of tests open nothing; known shapes are looked for there as well.
  if (/[./-](test|ci|e2e)([./-]|$)/.test(path)) return [];
  const { entries, isTemplate } = readEnvFile(path, text, true);
  return entries.flatMap(({ key, value, place }): Found[] => {
    if (!/(SECRET|TOKEN|PASS(WORD|WD)?|PWD|KEY|CREDENTIALS?|PEPPER)(_\w+)?$/i.test(key) || PUBLIC.test(key)) return [];
    const isSecret = isTemplate || !/PASS|PWD/i.test(key) ? isRandom(value) : isChosen(value);
    return isSecret ? [{ what: `the value of ${key}`, at: startOfLine(text, place.line), value }] : [];
  });
}

function startOfLine(text: string, line: number): number {
  let at = 0;
  for (let passed = 1; passed < line; passed++) at = text.indexOf('\n', at) + 1;
  return at;
}

/** Values of settings whose name says that they are secret. In code the syntax tree says what is a name and what a value. */
function named(path: string, text: string, kind: Kind): Found[] {
  if (kind === 'test' || kind === 'document' || kind === 'example' || kind === 'generated') return [];
  const isCode = /\.[cm]?[jt]sx?$/.test(path);
  if (!isCode && (!SETTINGS.test(path) || /kind: SealedSecret|^sops:|ENC\[AES/m.test(text))) return [];
  const found = [...text.matchAll(NAMED)].flatMap(({ 0: all, 1: value = '', index }): Found[] => {
    const before = /[\w.-]*$/.exec(lineOf(text, index))?.[0] ?? '';
    const name = before + (/^[\w.-]*/.exec(all)?.[0] ?? '');
    return isRandom(value) && !PUBLIC.test(name) ? [{ what: `the value of ${name.slice(0, 60)}`, at: index, value }] : [];
  });
  return isCode && found.length > 0 ? inCode(path, text) : found;
}

function inCode(path: string, text: string): Found[] {
  const source = parseSource(path, text);
  if (!source) return [];
  const found: Found[] = [];
  const look = (name: string, node: Node | null) => {
    const value = textOf(node);
    if (node && value && NAME.test(name) && !PUBLIC.test(name) && isRandom(value))
      found.push({ what: `the value of ${name}`, at: node.start, value });
  };
  visit(source, {
    VariableDeclarator: ({ id, init }) => look(nameOf(id), init),
    Property: ({ key, value }) => look(nameOf(key), value),
    PropertyDefinition: ({ key, value }) => look(nameOf(key), value),
    AssignmentExpression: ({ left, right }) => look(left.type === 'MemberExpression' ? nameOf(left.property) : nameOf(left), right),
    // `process.env.JWT_SECRET ?? '...'`
    LogicalExpression: ({ left, right }) => look(left.type === 'MemberExpression' ? nameOf(left.property) : '', right),
  });
  return found;
}

/** A Secret of Kubernetes with the words that its base64 stands for, line by line: encoded, every word looks random. */
function withoutBase64(text: string): string {
  const documents = text.split(/^(?=---)/m);
  const read = (all: string, key: string, quote: string, encoded: string) => {
    const plain = Buffer.from(encoded, 'base64').toString('utf8').trim();
    return /^[\x20-\x7e]+$/.test(plain) ? key + quote + plain + quote : all;
  };
  return documents
    .map((one) =>
      /^kind:\s*Secret\s*$/m.test(one) ? one.replaceAll(/^([ \t]+[\w.-]+:[ \t]*)(["']?)([A-Za-z0-9+/]{8,}={0,2})\2(?=\s|$)/gm, read) : one,
    )
    .join('');
}
