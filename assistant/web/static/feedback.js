// What a person thinks of an answer: the thumbs below it, and a note with the right answer. Shows no HTML of its own.
// The chat strips the attributes that assistive technology needs, so that they are set here, whenever it draws an answer.
(() => {
  "use strict";
  const LONGEST = 10_000; // characters of a note

  const conversation = () => document.querySelector("#conversation [data-testid=markdown] p")?.textContent.trim();
  const route = (number) => `api/conversations/${encodeURIComponent(conversation())}/turns/${number}/feedback`;

  async function call(path, options) {
    const answer = await fetch(path, options).catch(() => null);
    const said = await answer?.json().catch(() => null);
    if (!answer?.ok) throw new Error(said?.detail ?? "Saidso does not answer. Is it still running?");
    return said;
  }

  const put = (number, feedback) => call(route(number), {
    method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(feedback),
  });

  function draw(rate, feedback) {
    for (const thumb of rate.querySelectorAll(".thumb")) thumb.ariaPressed = String(thumb.classList.contains(feedback.rating));
    rate.querySelector(".remark").textContent = feedback.note ? "Edit note" : "Add a note";
    rate.querySelector(".problem")?.remove();
  }

  function refuse(rate, error) {
    rate.querySelector(".problem")?.remove();
    const told = Object.assign(document.createElement("span"), { className: "problem", role: "alert", textContent: error.message });
    rate.append(told);
  }

  async function mark(thumb) {
    const rate = thumb.closest(".rate");
    try {
      const before = await call(route(thumb.value));
      const rating = thumb.ariaPressed === "true" ? null : thumb.classList.contains("up") ? "up" : "down";
      await put(thumb.value, { ...before, rating });
      draw(rate, { ...before, rating });
    } catch (error) {
      refuse(rate, error);
    }
  }

  // ── the note ──

  const dialog = document.createElement("dialog");
  dialog.id = "remark";
  dialog.setAttribute("aria-labelledby", "remark-heading");
  dialog.innerHTML = `
    <form method="dialog">
      <h2 id="remark-heading">What about this answer?</h2>
      <label>Note<textarea name="note" rows="5" maxlength="${LONGEST}"></textarea></label>
      <label>The right answer, if you know it, one a line<textarea name="answers" rows="2"></textarea></label>
      <label class="tick"><input type="checkbox" name="none"> The articles do not hold the answer</label>
      <p class="problem" role="alert" hidden></p>
      <div class="deeds"><button type="submit" class="primary">Save</button><button type="button">Cancel</button></div>
    </form>`;
  const form = dialog.querySelector("form");
  const { note, answers, none } = form.elements;
  const refusal = dialog.querySelector(".problem");
  let noted = null; // the button whose answer the note is about

  async function open(remark) {
    noted = remark;
    refusal.hidden = true;
    try {
      const before = await call(route(remark.value));
      note.value = before.note;
      answers.value = (before.answers ?? []).join("\n");
      none.checked = before.answers?.length === 0;
      answers.disabled = none.checked;
      if (!dialog.isConnected) document.querySelector(".gradio-container").append(dialog); // where the fonts are set
      dialog.showModal();
      note.focus();
    } catch (error) {
      refuse(remark.closest(".rate"), error);
    }
  }

  none.addEventListener("change", () => { answers.disabled = none.checked; });
  form.querySelector("[type=button]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Escape closes the dialog only

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = answers.value.split("\n").map((line) => line.trim()).filter(Boolean);
    try {
      const before = await call(route(noted.value));
      const feedback = { ...before, note: note.value, answers: none.checked ? [] : given.length ? given : null };
      await put(noted.value, feedback);
      const rate = noted.closest(".rate");
      if (rate) draw(rate, feedback);
      dialog.close();
    } catch (error) {
      refusal.textContent = error.message;
      refusal.hidden = false;
    }
  });

  document.addEventListener("click", (event) => {
    const target = event.target.closest?.(".rate button");
    if (target?.matches(".thumb")) mark(target);
    else if (target) open(target);
  });

  new MutationObserver(() => {
    for (const thumb of document.querySelectorAll("#chat .thumb:not([aria-pressed])")) {
      thumb.ariaPressed = String(thumb.classList.contains("pressed"));
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
