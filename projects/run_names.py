"""Random names for runs without one: `brisk-otter-12`. Short, easy to say, and never offensive."""

import secrets

_ADJECTIVES = (
    "amber ample apt azure bold brave breezy bright brisk calm candid cheery clear clever cosy crisp curious daring "
    "dapper deft eager early earnest fair fleet fond fresh gentle glad golden grand handy happy hardy hazel humble "
    "jolly keen kind lively lucid lucky mellow merry mild mossy neat nimble noble patient plucky polite prime proud "
    "quick quiet rapid ready robust rosy royal rustic sage serene silver smart snug solid spry steady sterling stout "
    "sunny sure swift tidy trim true upbeat vivid warm wise witty zesty"
)
_NOUNS = (
    "acorn alder aspen aurora badger beacon beaver birch bison brook canyon cedar cicada cloud clover comet condor "
    "coral cove crane creek cricket delta dolphin dune eagle egret elm ember falcon fern finch fjord fox gale gecko "
    "glacier glade grove gull harbor hare hawk heron hill ibex iris island ivy jay juniper kestrel lagoon lake larch "
    "lark lemur lily lotus lynx magpie maple marten meadow moose nebula oak orca oriole osprey otter owl panda pebble "
    "pine planet plover pond prairie puffin quail rabbit raven reef ridge river robin sable salmon seal sequoia "
    "sparrow spruce star stork summit swan thistle tide tulip valley walnut willow wren"
)


def generate(digits: int = 2) -> str:
    """A name of two words and a number of at most so many digits; it may be in use."""
    number = secrets.randbelow(10**digits - 1) + 1
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_NOUNS.split())}-{number}"
