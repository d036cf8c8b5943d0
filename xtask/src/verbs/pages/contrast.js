// SPDX-License-Identifier: GPL-2.0-only
(() => {
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const ground = (it) => {
    for (; it; it = it.parentElement) {
      const colour = numbers(getComputedStyle(it).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('body *')].filter((it) => it.checkVisibility() && !it.disabled
    && !it.closest('script, noscript, .only-read, .skip')
    && [...it.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== ''));
  const contrast = (it) => {
    const [a, b] = [light(numbers(getComputedStyle(it).color)), light(ground(it))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return texts.filter((it) => contrast(it) < 4.5).map((it) => `${it.tagName} ${it.className} ${contrast(it).toFixed(2)}`);
})()
