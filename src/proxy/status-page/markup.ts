/** HTML whose texts can't be anything but texts. */

/** What is HTML already. */
export type Markup = { readonly html: string }

type Part = Markup | string | number | undefined | readonly Part[]

/** A template of HTML: what is put into it is escaped, unless it was made here too. */
export function markup(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { html: String.raw({ raw: strings }, ...parts.map(htmlOf)) }
}

/** A text of our own that is HTML, such as a style sheet. */
export function trusted(html: string): Markup {
  return { html }
}

function htmlOf(part: Part): string {
  if (part === undefined) return ''
  if (typeof part === 'string' || typeof part === 'number') return escape(String(part))
  return 'html' in part ? part.html : part.map(htmlOf).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

// Marks that turn the direction of writing could make one name look like another.
function escape(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
    .replaceAll(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, '\ufffd')
}
