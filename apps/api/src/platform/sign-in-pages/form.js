// What both pages do with a form: send it as JSON, and say at the field what is wrong with it.

/** Sends JSON to this service. A refusal is its problem document; without an answer, one of our own. */
export async function send(method, path, body) {
  const asJson = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(path, { method, ...asJson });
    const told = await answer.json();
    return answer.ok ? { told } : { problem: told };
  } catch {
    return { problem: { title: 'The service cannot be reached. Try again in a moment.' } };
  }
}

/** Runs the work when the form is submitted, with what was typed; the problem that it gives back is shown. One at a time. */
export function onSubmit(form, work) {
  let isBusy = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    form.setAttribute('aria-busy', 'true');
    clear(form);
    const typed = Object.fromEntries([...form.querySelectorAll('input')].map((input) => [input.name, input.value]));
    const problem = missing(form) ?? (await work(typed));
    form.removeAttribute('aria-busy');
    isBusy = false;
    if (problem) show(form, problem);
  });
}

/** What is required and empty, as a refusal of the service would say it. */
function missing(form) {
  const empty = [...form.querySelectorAll('input[required]')].filter((input) => input.value.trim() === '');
  if (empty.length === 0) return null;
  return {
    title: empty.length === 1 ? 'One field is empty.' : `${empty.length} fields are empty.`,
    errors: empty.map(({ name }) => ({ pointer: `/${name}`, detail: 'Fill this in.' })),
  };
}

/** Sentence by sentence: as a whole in the alert, and at each field. The first wrong field gets the focus. */
export function show(form, { slug, title, errors = [], retryAfterSeconds }) {
  const alert = form.querySelector('.problem');
  const wait = retryAfterSeconds ? ` Wait ${retryAfterSeconds} s.` : '';
  alert.textContent = slug === 'invalid-request' ? 'Something is not right yet.' : `${title ?? 'Something went wrong.'}${wait}`;
  alert.hidden = false;
  const marked = errors.map(({ pointer, detail }) => mark(form, pointer.slice(1), detail));
  (marked.find(Boolean) ?? alert).focus();
}

function mark(form, name, detail) {
  const input = form.querySelector(`input[name="${CSS.escape(name)}"]`);
  if (!input) return null;
  input.setAttribute('aria-invalid', 'true');
  const place = document.getElementById(`${input.id}-error`);
  place.textContent = detail;
  place.hidden = false;
  return input;
}

function clear(form) {
  for (const place of form.querySelectorAll('.problem, .error')) {
    place.hidden = true;
    place.textContent = '';
  }
  for (const input of form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
}

/** Shows one part of the page and hides another; the heading of what is shown gets the focus. */
export function swap(hidden, shown) {
  hidden.hidden = true;
  shown.hidden = false;
  shown.querySelector('[tabindex="-1"]')?.focus();
}
