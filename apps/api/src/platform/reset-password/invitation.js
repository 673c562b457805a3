// Reads the invitation, and asks for the password that its person signs in with from now on.
const [organizationId, token] = location.hash.slice(1).split('.');
history.replaceState(null, '', location.pathname);
const at = (id) => document.getElementById(id);
const say = (text) => (at('said').textContent = text);

async function accept() {
  const answer = await fetch('/v1/invitations/acceptance', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ organizationId, token, password: at('password').value }),
  });
  const body = await answer.json();
  if (!answer.ok) return say(body.slug === 'invalid-request' ? 'This link is not whole. Open it from the e-mail again.' : body.title);
  at('form').hidden = true;
  say(`Your password is set. Sign in with it next, as ${body.email}.`);
}

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  accept().catch(() => say('The service does not answer. Try again in a moment.'));
});
