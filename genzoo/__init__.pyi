"""The public names. genzoo/__init__.py reads this file: each name is written here alone."""

from . import testing as testing
from .api.build import create as create
from .api.build import load as load
from .api.data import open_data as open_data
from .api.evaluate import evaluate as evaluate
from .api.evaluate import verify as verify
from .api.export import export as export
from .api.publish import push as push
from .api.train import train as train
from .batch import Batch as Batch
from .catalog import list_models as list_models
from .catalog import show as show
from .datasets import Split as Split
from .errors import GenzooError as GenzooError
from .errors import InvalidInput as InvalidInput
from .errors import NotFound as NotFound
from .explore.notebook import explore as explore
from .fields import Field as Field
from .hookspecs import hookimpl as hookimpl
from .metrics import Setting as Setting
from .models import ColumnEmbedding as ColumnEmbedding
from .models import Model as Model
from .models import NetworkBuilder as NetworkBuilder
from .models import sample_in_blocks as sample_in_blocks
from .models import verb as verb
from .pictures import animate as animate
from .pictures import grid as grid
from .pictures import strip as strip
from .protocols import Decoder as Decoder
from .protocols import Discriminator as Discriminator
from .protocols import Encoder as Encoder
from .protocols import Generator as Generator
from .protocols import Sampler as Sampler
from .randomness import Noise as Noise
from .spec import ALPHABET as ALPHABET
from .spec import LATENT_DIM as LATENT_DIM
from .spec import Alias as Alias
from .spec import Architecture as Architecture
from .spec import Checkpoint as Checkpoint
from .spec import Column as Column
from .spec import Command as Command
from .spec import DatasetSpec as DatasetSpec
from .spec import Family as Family
from .spec import MetricSpec as MetricSpec
from .spec import ModelSpec as ModelSpec
from .spec import Objective as Objective
from .spec import Part as Part
from .spec import Record as Record
from .spec import SamplerSpec as SamplerSpec
from .spec import Space as Space
from .spec import Spaces as Spaces
from .spec import Tombstone as Tombstone
from .spec import shipped as shipped

__all__: list[str]
__version__: str
