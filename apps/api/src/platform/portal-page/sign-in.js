// Reads the link, signs in when its button is pressed, asks for the birth date where the service wants it, and shows the visits to come.
const [organizationId, signInId, code] = location.hash.slice(1).split('.');
history.replaceState(null, '', location.pathname);
const at = (id) => document.getElementById(id);
const say = (text) => (at('said').textContent = text);

async function ask(method, path, body) {
  const answer = await fetch(`/v1/portal/${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });
  return { ok: answer.ok, body: await answer.json() };
}

async function signIn() {
  const birthDate = at('birth-date').value;
  const { ok, body } = await ask('POST', 'session', { organizationId, signInId, code, ...(birthDate === '' ? {} : { birthDate }) });
  if (!ok) {
    if (body.slug === 'birth-date-required') at('birth').hidden = false;
    return say(body.slug === 'invalid-request' ? 'This link is not whole. Open it from the message again.' : body.title);
  }
  at('form').hidden = true;
  const { patient, organizationName } = body;
  say(`Hello ${patient.preferredName ?? patient.givenName}, you are signed in to ${organizationName}.`);
  await showVisits(patient.id);
}

async function showVisits(patientId) {
  const { ok, body } = await ask('GET', `patients/${patientId}/appointments`);
  const coming = ok ? body.items.filter(({ status, endsAt }) => status !== 'cancelled' && new Date(endsAt) > new Date()) : [];
  for (const { startsAt, timeZone, locationName } of coming.toReversed()) {
    const line = document.createElement('li');
    const when = new Date(startsAt).toLocaleString(undefined, { timeZone, dateStyle: 'full', timeStyle: 'short' });
    line.textContent = `${when}, ${locationName}`;
    at('visits').append(line);
  }
}

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  signIn().catch(() => say('The service does not answer. Try again in a moment.'));
});
