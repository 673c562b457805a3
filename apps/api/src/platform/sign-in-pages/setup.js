import { onSubmit, send, swap } from './form.js';

const part = (id) => document.getElementById(id);

onSubmit(part('setup'), async ({ again, ...typed }) => {
  if (again !== typed.password)
    return { title: 'The two passwords are not the same.', errors: [{ pointer: '/again', detail: 'Type the password once more.' }] };
  const { problem } = await send('POST', '/v1/setup', typed);
  if (problem?.slug === 'setup-code-refused')
    return { ...problem, errors: [{ pointer: '/code', detail: 'Ask whoever runs the service for a new one.' }] };
  if (problem) return problem;
  part('setup').reset();
  swap(part('begin'), part('done'));
  return null;
});
