import torch


@torch.inference_mode()
def generate(model, prompt, count, temperature):
    """Yields `count` bytes behind the prompt, a token a step; at temperature 0 the likeliest."""
    memory = model.start()
    for byte in prompt:
        logits = model(torch.tensor([[byte]]), memory)
    for _ in range(count):
        likely = logits[0, -1] / temperature if temperature > 0 else logits[0, -1]
        token = torch.multinomial(likely.softmax(-1), 1) if temperature > 0 else likely.argmax(-1, keepdim=True)
        yield token.item()
        logits = model(token.view(1, 1), memory)
