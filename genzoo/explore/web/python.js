// What is seen, as Python that gives the same.

export function pythonOf(app, load) {
  const { told } = app.model, code = Array.from(app.z, (value) => +value.toFixed(4)).join(", ");
  const views = {
    traverse: `genzoo.strip(model.traverse(z, latent=${app.focus.index})).save("traverse.png")`,
    samples: `genzoo.grid(model.sample(24, seed=${app.seed})).save("samples.png")`,
  };
  const pictures = told.shape.length === 3, more = pictures && (app.served || app.view.id !== "samples") && views[app.view.id];
  return [
    "import genzoo",
    "import torch",
    "",
    load ? `model = genzoo.load(${JSON.stringify(load)})` : "# model is the one that explore() was called on",
    `z = torch.tensor([[${code}]])`,
    pictures ? 'genzoo.grid(model.decode(z)).save("picture.png")' : "print(model.decode(z))",
    ...(more ? [more] : []),
    "",
  ].join("\n");
}
