"""Numbers of one network; the export replaces them."""

SIZE = (352, 352)  # height and width that photographs are resized to
MEAN = (0.485, 0.456, 0.406)  # of red, green and blue in [0, 1]
DEVIATION = (0.229, 0.224, 0.225)
POOL_ABOVE = 32  # attention pools the keys of maps of a larger side
CHOSEN = 2  # experts that each row is sent to
TILE = 8  # side of the windows that are routed
TEMPERATURE = 1.0  # of the router's logits
CLAMP = 10.0  # of the router's logits
NOISE = 1.0  # deviation of what training adds to the logits to choose by
RATE = 0.01  # of the balance, per step of the optimizer
LEAK = 0.1  # share of the balance that a step forgets
LIMIT = 1.0  # of the balance
AVERAGE = 0.9  # share of the past in the load that counts
AUXILIARY = 0.01  # coefficients of the routers' losses
Z_LOSS = 0.001
ENTROPY = 0.01
