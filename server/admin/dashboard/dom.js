// Elements are only ever built from text: the names of models, providers and keys are foreign.

// el makes an element. Of its properties, those that an element has itself are set as such (className, onclick), all others are attributes.
// Children may be elements, or texts, or nothing.
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name in node) node[name] = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}

export const byId = (id) => document.getElementById(id);

// fill exchanges what is in an element, but only where it differs: a selection is lost, and a screen reader speaks, only when
// something has changed.
export function fill(node, ...children) {
  const next = el('div', {}, ...children).childNodes;
  const same = next.length === node.childNodes.length && [...next].every((child, i) => child.isEqualNode(node.childNodes[i]));
  if (!same) node.replaceChildren(...next);
}
