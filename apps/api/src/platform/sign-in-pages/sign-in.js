import { onSubmit, send, show, swap } from './form.js';

const part = (id) => document.getElementById(id);
const signedOut = part('signed-out');
const signedIn = part('signed-in');

const returned = returnedByProvider();
if (returned) await finish(returned);
else {
  const { told } = await send('GET', '/v1/session');
  if (told) welcome(told);
}

function welcome(person) {
  part('whose').textContent = `${person.givenName} ${person.familyName}, ${person.organizationName}`;
  part('add-app').hidden = person.hasSecondFactor;
  swap(signedOut, signedIn);
}

/** What the identity provider sent back with the browser; taken out of the address, which the history keeps. */
function returnedByProvider() {
  const address = new URL(location.href);
  const [code, state] = ['code', 'state'].map((name) => address.searchParams.get(name));
  if (address.search !== '') history.replaceState(null, '', '/sign-in');
  return code && state ? { code, state } : null;
}

/** Signs in with what came back, or with the code of the app that was asked for then. */
async function finish(body) {
  const answer = await send('POST', '/v1/session/provider/return', body.state ? { returned: body } : body);
  if (answer.told) {
    welcome(answer.told);
    return null;
  }
  if (answer.problem.slug === 'second-factor-required' && body.state) {
    part('provider').hidden = true;
    part('sign-in').hidden = true;
    part('provider-code').hidden = false;
    part('providerCode').focus();
    return null;
  }
  if (body.state) show(part('provider'), answer.problem);
  return answer.problem;
}

if (part('provider')) {
  onSubmit(part('provider'), async () => {
    const answer = await send('POST', '/v1/session/provider');
    if (answer.problem) return answer.problem;
    location.assign(answer.told.authorizationUrl);
    return null;
  });
  onSubmit(part('provider-code'), ({ providerCode }) => finish({ code: providerCode }));
}

onSubmit(part('sign-in'), async ({ code, ...typed }) => {
  const answer = await send('POST', '/v1/session', { ...typed, ...(code.trim() === '' ? {} : { code }) });
  if (answer.told) {
    part('sign-in').reset();
    welcome(answer.told);
    return null;
  }
  if (answer.problem.slug !== 'second-factor-required') return answer.problem;
  part('factor').hidden = false;
  return { title: 'Type the code as well.', errors: [{ pointer: '/code', detail: 'Your authenticator app shows it.' }] };
});

onSubmit(part('begin-app'), async () => {
  const answer = await send('POST', '/v1/session/totp');
  if (answer.problem) return again(answer.problem);
  part('app-key').textContent = answer.told.secret.match(/.{1,4}/g).join(' ');
  part('app-link').href = answer.told.uri;
  part('begin-app').hidden = true;
  part('confirm-app').hidden = false;
  part('appCode').focus();
  return null;
});

onSubmit(part('confirm-app'), async ({ appCode }) => {
  const answer = await send('POST', '/v1/session/totp/confirmation', { code: appCode });
  if (answer.problem) return again({ ...answer.problem, errors: [{ pointer: '/appCode', detail: 'Type the code that it shows now.' }] });
  part('code-list').replaceChildren(...answer.told.codes.map((code) => Object.assign(document.createElement('li'), { textContent: code })));
  swap(part('add-app'), part('codes'));
  return null;
});

onSubmit(part('sign-out'), async () => {
  const answer = await send('DELETE', '/v1/session');
  if (answer.problem && answer.problem.slug !== 'not-authenticated') return answer.problem;
  location.assign('/sign-in');
  return null;
});

/** What gives access wants a fresh proof, which signing in is. */
function again(problem) {
  return problem.slug === 'step-up-required' ? { title: 'That was a while ago. Sign out, sign in, and add the app then.' } : problem;
}
