// Puts the list as it is now in the place of the one that is shown, when it has changed and somebody looks.
const messages = document.getElementById('messages');
let shown = null;
setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch('/mailbox/list').catch(() => null);
  if (!answer?.ok) return;
  const list = await answer.text();
  if (list !== shown && shown !== null) messages.innerHTML = list;
  shown = list;
}, 3000);
