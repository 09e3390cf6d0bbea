"""Operations: what keeps an installation running."""
