// The start as a link: #clip=3&start=0&seed=7&steps=4.

const NAMES = ["clip", "start", "seed", "steps"];

/** Numbers in the address, by name; what is missing or no number is left out. */
export function fromAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  const numbers = NAMES.filter((name) => /^\d{1,9}$/.test(said.get(name) ?? ""));
  return Object.fromEntries(numbers.map((name) => [name, Number(said.get(name))]));
}

/** Put a start into the address. */
export function toAddress(start) {
  const said = new URLSearchParams(NAMES.map((name) => [name, start[name]]));
  history.replaceState(null, "", `${location.pathname}${location.search}#${said}`);
}

/** Copy the address, without a token; resolves to what to say about it. */
export async function copyLink() {
  const link = `${location.origin}${location.pathname}${location.hash}`;
  try {
    await navigator.clipboard.writeText(link);
    return "The link to this start is in the clipboard.";
  } catch {
    return link; // not allowed to: the person can copy it
  }
}
