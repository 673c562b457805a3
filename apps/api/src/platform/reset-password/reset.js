// Reads the link, asks for a new password and, when the service wants one, for the second factor. Says what still signs in.
const [organizationId, token] = location.hash.slice(1).split('.');
history.replaceState(null, '', location.pathname);
const at = (id) => document.getElementById(id);
const say = (text) => (at('said').textContent = text);

async function post(path, body) {
  const answer = await fetch(`/v1/password-resets/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ organizationId, token, ...body }),
  });
  return { ok: answer.ok, body: await answer.json() };
}

async function change(factor) {
  const { ok, body } = await post('confirmation', { password: at('password').value, ...factor });
  if (!ok) {
    if (body.slug === 'second-factor-required') at('factor').hidden = false;
    return say(body.slug === 'invalid-request' ? 'This link is not whole. Open it from the e-mail again.' : body.title);
  }
  at('form').hidden = true;
  say(
    `Your password is changed, and you are signed out everywhere. Sign in with it next. Recovery codes left: ${body.recoveryCodesLeft}.` +
      (body.passkeys.length > 0 ? ' These passkeys still sign in; remove those that are not yours once you are signed in:' : ''),
  );
  for (const { name, createdAt } of body.passkeys) {
    const line = document.createElement('li');
    line.textContent = `${name}, since ${createdAt.slice(0, 10)}`;
    at('left').append(line);
  }
}

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const code = at('code').value.trim();
  change(code === '' ? {} : { code }).catch(() => say('The service does not answer. Try again in a moment.'));
});

async function showPasskey() {
  const { ok, body } = await post('passkey-options', {});
  if (!ok) return say(body.title);
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(body);
    const credential = await navigator.credentials.get({ publicKey });
    await change({ passkey: credential.toJSON() });
  } catch {
    say('The passkey was not shown.');
  }
}
at('passkey').addEventListener('click', () => void showPasskey());
