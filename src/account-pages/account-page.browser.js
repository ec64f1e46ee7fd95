/**
 * The script of all account pages. It takes the token out of the address at once, keeps it in a variable alone, and sends it when the
 * button is pressed: programs that open the links of mail run scripts, too, and must use nothing up.
 */

/** Longest wait for an answer. */
const TIMEOUT_MS = 30_000;

/** What an answer means where its body is none of ours, as that of a proxy. */
const MESSAGE_BY_STATUS = new Map([
  [429, 'too_many_attempts'],
  [502, 'service_unavailable'],
  [503, 'service_unavailable'],
  [504, 'service_unavailable'],
]);

const message = find('message', HTMLElement);
const request = find('request', HTMLElement);
const form = find('form', HTMLFormElement);
const [button] = form.getElementsByTagName('button');
const password = /** @type {HTMLInputElement | null} */ (document.getElementById('password'));
const showPassword = /** @type {HTMLInputElement | null} */ (document.getElementById('show-password'));
const back = document.getElementById('back');
const templates = new Map(
  Array.from(document.getElementsByTagName('template'), (template) => [template.dataset['message'], template]),
);
const label = button?.textContent ?? '';

/** Of attempts that may have been carried out although no answer of the service said so. */
const tokensPerhapsUsed = new Set();

let token = '';
let isSending = false;

/**
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`there is no ${id}`);
  return element;
}

function readLink() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (location.hash !== '') history.replaceState(null, '', location.pathname + location.search);
  if (given === '') return;
  token = given;
  clear();
  setSending(false);
  form.reset();
  setPasswordVisible();
  request.hidden = false;
  if (back !== null) back.hidden = true;
}

async function send() {
  if (isSending || token === '') return;
  if (password?.value === '') {
    show('password_missing', '');
    return;
  }
  const sent = token;
  clear();
  setSending(true);
  const outcome = await post({ token: sent, ...(password !== null && { [password.name]: password.value }) });
  if (!outcome.isCertain) tokensPerhapsUsed.add(sent);
  // Another link was opened meanwhile.
  if (sent !== token) return;
  setSending(false);
  const isPerhapsDone = outcome.name === 'mail_token_invalid' && tokensPerhapsUsed.has(sent);
  show(isPerhapsDone ? 'perhaps_done' : outcome.name, outcome.retryAfter);
}

/**
 * `isCertain`: the service has said whether it was done. It has not at 5xx, and a proxy never does.
 * @param {Readonly<Record<string, string>>} body
 * @returns {Promise<{ readonly name: string, readonly retryAfter: string, readonly isCertain: boolean }>}
 */
async function post(body) {
  try {
    const answer = await fetch(form.action, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, application/problem+json',
        // Of mail that this causes.
        'accept-language': document.documentElement.lang,
      },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.status === 204) return { name: 'done', retryAfter: '', isCertain: true };
    const problem = await problemOf(answer);
    return {
      name: nameOf(answer.status, problem),
      retryAfter: answer.headers.get('retry-after') ?? '',
      isCertain: answer.status < 500 && problem.code !== '',
    };
  } catch {
    return { name: 'no_answer', retryAfter: '', isCertain: false };
  }
}

/**
 * @typedef {{ readonly code: string, readonly errors: readonly { pointer?: string }[] }} Problem
 * @param {Response} answer
 * @returns {Promise<Problem>} with an empty code where the body is none of ours
 */
async function problemOf(answer) {
  const { code, errors } = (await answer.json().catch(() => null)) ?? {};
  return { code: typeof code === 'string' ? code : '', errors: Array.isArray(errors) ? errors : [] };
}

/**
 * The name of the message for a refusal.
 * @param {number} status
 * @param {Problem} problem
 */
function nameOf(status, { code, errors }) {
  if (templates.has(code)) return code;
  // The text of a password is bounded before its characters are counted.
  if (code === 'validation_failed' && errors.some(({ pointer }) => pointer === `/${password?.name}`)) {
    return 'password_too_long';
  }
  if (code === 'validation_failed' && errors.some(({ pointer }) => pointer === '/token')) return 'mail_token_invalid';
  return MESSAGE_BY_STATUS.get(status) ?? 'other';
}

/**
 * @param {string} name
 * @param {string} retryAfter
 */
function show(name, retryAfter) {
  const template = templates.get(name) ?? templates.get('other');
  const isFinal = template?.dataset['isFinal'] !== undefined;
  message.textContent = (template?.content.textContent ?? '').replace('{{wait}}', waitIn(retryAfter));
  message.className = name === 'done' ? 'done' : 'problem';
  if (template?.dataset['isOfPassword'] !== undefined) password?.setAttribute('aria-invalid', 'true');
  if (isFinal) {
    token = '';
    // For a reload.
    history.replaceState(name, '');
    form.reset();
    setPasswordVisible();
    request.hidden = true;
    if (back !== null) back.hidden = false;
  }
  message.focus();
}

function clear() {
  message.textContent = '';
  message.className = '';
  password?.removeAttribute('aria-invalid');
}

/** @param {boolean} value */
function setSending(value) {
  isSending = value;
  form.setAttribute('aria-busy', String(value));
  if (button === undefined) return;
  button.disabled = value;
  button.textContent = value ? (form.dataset['sending'] ?? '') : label;
}

function setPasswordVisible() {
  if (password !== null) password.type = showPassword?.checked === true ? 'text' : 'password';
}

/**
 * Such as "in 2 minutes", in the language of the page.
 * @param {string} retryAfter
 */
function waitIn(retryAfter) {
  const seconds = /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : 0;
  if (seconds === 0) return form.dataset['later'] ?? '';
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang);
  if (seconds <= 60) return format.format(seconds, 'second');
  if (seconds <= 3600) return format.format(Math.ceil(seconds / 60), 'minute');
  return format.format(Math.ceil(seconds / 3600), 'hour');
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void send();
});
showPassword?.addEventListener('change', setPasswordVisible);
window.addEventListener('hashchange', readLink);
readLink();
if (token === '') show(templates.has(history.state) ? history.state : 'link_missing', '');
