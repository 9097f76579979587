from pathlib import Path

import pytest

from animate.training.corpus import ClipStack, build_corpus, load_corpus

MOVING, STILLS = 3, 2


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    build_corpus(folder, 3, moving=MOVING, stills=STILLS)
    return folder


@pytest.fixture(scope="session")
def clips(corpus: Path) -> list[ClipStack]:
    return load_corpus(corpus, moving=MOVING)
