// Elements that can be used: their names, and their sizes, or those of the label that is drawn for them.
() => [...document.querySelectorAll('button, input, select, summary, [tabindex="0"]')]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 1)
  .map((element) => {
    const label = element.closest('label') ?? element.labels?.[0];
    const name = element.getAttribute('aria-label') || label?.textContent || element.textContent
      || document.getElementById(element.getAttribute('aria-labelledby') ?? '')?.textContent || '';
    const boxes = [element, ...(label ? [label] : [])].map((each) => each.getBoundingClientRect());
    return { html: element.outerHTML.slice(0, 120), name: name.trim(), type: element.type,
      width: Math.max(...boxes.map((box) => box.width)), height: Math.max(...boxes.map((box) => box.height)) };
  })
